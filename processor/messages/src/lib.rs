//! Messages to people. For now mails about their accounts: a job names what happened
//! ([`onsale_store::mail`], [`onsale_store::notice`]), and its handler ([`account_mails`], [`notices`]) opens
//! address and token, writes the text in the person's language and hands it to the [`Post`].
//!
//! A mail is sent at least once: a worker that dies after the server took it sends it again. It carries
//! the same `Message-ID` then, by which mailboxes drop the second.

pub mod account_mails;
mod config;
mod html;
mod mail_url;
pub mod notices;
mod post;
#[cfg(test)]
mod scripted;
mod sender;
mod texts;
mod trial;

pub use config::MailConfig;
pub use post::{Mail, Page, Post, PostError};
pub use trial::{TrialError, try_mail_server};
