//! Uploads in a bucket of a server that speaks S3. Requests are signed URLs (signature version 4), which
//! `rusty_s3` computes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Response, StatusCode, Url};
use rusty_s3::{Bucket as Place, Credentials, S3Action, UrlStyle};

use crate::config::UploadsConfig;
use crate::picture::STORED_MAX_BYTES;
use crate::uploads::UploadError;

/// How long a signed URL is good; it is used at once.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Clone)]
pub struct Bucket {
    place: Arc<Place>,
    credentials: Arc<Credentials>,
    /// What names begin with, with its slash; empty for the whole bucket.
    prefix: Arc<str>,
    http: reqwest::Client,
    timeout: Duration,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({}/{})", self.place.name(), self.prefix)
    }
}

impl Bucket {
    pub(crate) fn new(
        config: &UploadsConfig,
        name: &str,
        prefix: &str,
        http: reqwest::Client,
        timeout: Duration,
    ) -> Result<Self, UploadError> {
        let missing = |key: &str| UploadError::Config(format!("{key} is not set"));
        let endpoint = config
            .s3_endpoint
            .as_deref()
            .ok_or_else(|| missing("uploads.s3_endpoint"))?;
        let endpoint: Url = endpoint
            .parse()
            .map_err(|error| UploadError::Config(format!("uploads.s3_endpoint: {error}")))?;
        let style = match config.s3_path_style {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let (name, region) = (name.to_owned(), config.s3_region.clone());
        let place = Place::new(endpoint, style, name, region)
            .map_err(|error| UploadError::Config(format!("uploads.location: {error}")))?;
        let key = config
            .s3_access_key
            .as_deref()
            .ok_or_else(|| missing("uploads.s3_access_key"))?;
        let secret = config
            .secret_key()
            .map_err(|error| UploadError::Config(format!("{error}: {}", error.source)))?
            .ok_or_else(|| missing("uploads.s3_secret_key"))?;
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self {
            place: Arc::new(place),
            credentials: Arc::new(Credentials::new(key, secret.expose())),
            prefix: prefix.into(),
            http,
            timeout,
        })
    }

    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), UploadError> {
        let object = self.object(name);
        let action = self.place.put_object(Some(&self.credentials), &object);
        let request = self.http.put(action.sign(SIGNED_FOR)).body(bytes);
        match self.send(request).await?.status() {
            status if status.is_success() => Ok(()),
            status => Err(refused(status)),
        }
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>, UploadError> {
        let object = self.object(name);
        let action = self.place.get_object(Some(&self.credentials), &object);
        let request = self.http.get(action.sign(SIGNED_FOR));
        let response = self.send(request).await?;
        match response.status() {
            status if status.is_success() => read(response).await.map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(refused(status)),
        }
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), UploadError> {
        let object = self.object(name);
        let action = self.place.delete_object(Some(&self.credentials), &object);
        let request = self.http.delete(action.sign(SIGNED_FOR));
        match self.send(request).await?.status() {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            status => Err(refused(status)),
        }
    }

    fn object(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, UploadError> {
        request
            .timeout(self.timeout)
            .send()
            .await
            .map_err(unreachable)
    }
}

/// The body, which has a bound whoever has written it.
async fn read(mut response: Response) -> Result<Bytes, UploadError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + piece.len() > STORED_MAX_BYTES {
            return Err(UploadError::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The URL is signed, so it is not shown.
fn unreachable(error: reqwest::Error) -> UploadError {
    UploadError::Unreachable(error.without_url())
}

fn refused(status: StatusCode) -> UploadError {
    UploadError::Refused {
        status: status.as_u16(),
    }
}
