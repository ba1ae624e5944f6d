//! What people upload. An image is never served as it came: it is read within bounds of memory and time
//! and written anew, a logo as a PNG and a photograph in a few widths ([`Pictures`]), so that nothing else that a file may hold reaches a browser; a
//! server has that done by a process of its own, which is ended when it takes too much ([`Reading`]). What was
//! written lies in a folder or in a bucket that speaks S3 ([`Uploads`]), under a name that is never used
//! twice; a job deletes what nothing refers to any more (`onsale_jobs::uploads`).

mod config;
mod folder;
mod numbers;
mod picture;
mod reading;
mod s3;
mod uploads;
mod vector;
mod widths;

pub use config::UploadsConfig;
pub use picture::{IMAGE_MAX_BYTES, Picture, PictureError, Pictures};
pub use reading::{Reader, Reading, WIDTHS_ARGUMENT, answer, answer_in_widths};
pub use uploads::{Answered, UploadError, Uploads};
pub use widths::{PHOTO_MAX_BYTES, Photo, PhotoFile, PhotoFormat, WIDTHS};
