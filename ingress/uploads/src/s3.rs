//! Uploads in a bucket of a server that speaks S3. Requests are signed URLs (signature version 4), which
//! `rusty_s3` computes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use rusty_s3::{Bucket as Place, Credentials, S3Action, UrlStyle};

use crate::config::UploadsConfig;
use crate::uploads::{Answered, UploadError};
use crate::widths::FILE_MAX_BYTES;

/// How long a signed URL is good; it is used at once.
const SIGNED_FOR: Duration = Duration::from_secs(60);
/// How long a connection may take; the whole takes as long as the configuration says.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What nobody has uploaded: names of uploads begin with what they are.
const NOTHING: &str = "nothing-is-here";
const NO_BUCKET: &str = "NoSuchBucket";
/// Longest code of an error that is repeated, in bytes.
const CODE_MAX_BYTES: usize = 64;

/// How often the log says that files are not shown: anyone may ask for any number of them.
const WARNED_EVERY: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Clone)]
pub struct Bucket {
    place: Arc<Place>,
    credentials: Arc<Credentials>,
    /// What names begin with, with its slash; empty for the whole bucket.
    prefix: Arc<str>,
    http: reqwest::Client,
    /// When the log said last that a file is not shown.
    warned: Arc<Mutex<Option<Instant>>>,
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
    ) -> Result<Self, UploadError> {
        let missing = |key: &str| UploadError::Config(format!("{key} is not set"));
        let endpoint = config
            .s3_endpoint
            .as_deref()
            .ok_or_else(|| missing("uploads.s3_endpoint"))?;
        let endpoint: Url = endpoint
            .parse()
            .map_err(|error| UploadError::Config(format!("uploads.s3_endpoint: {error}")))?;
        let style = if config.s3_path_style {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let (name, region) = (name.to_owned(), config.s3_region.clone());
        let place = Place::new(endpoint, style, name, region)
            .map_err(|error| UploadError::Config(format!("uploads.s3_endpoint: {error}")))?;
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
            http: client(config)?,
            warned: Arc::default(),
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
            // So says a server about what is not there, where the key may not list.
            StatusCode::FORBIDDEN => {
                self.warn();
                Ok(None)
            }
            status => Err(refused(status)),
        }
    }

    /// Asks for what is not there. The code of the error says whether it is the bucket that is not there, or the
    /// key that is wrong.
    pub(crate) async fn try_it(&self) -> Result<Answered, UploadError> {
        let object = self.object(NOTHING);
        let action = self.place.get_object(Some(&self.credentials), &object);
        let request = self.http.get(action.sign(SIGNED_FOR));
        let response = self.send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Answered::NotThere);
        }
        let body = read(response).await?;
        let code = code_of(&String::from_utf8_lossy(&body));
        match (status, code.as_str()) {
            (StatusCode::NOT_FOUND, code) if code != NO_BUCKET => Ok(Answered::NotThere),
            (StatusCode::FORBIDDEN, "AccessDenied") => Ok(Answered::NotShown),
            _ => Err(UploadError::Trial {
                status: status.as_u16(),
                code,
            }),
        }
    }

    fn warn(&self) {
        // A thread that panicked here left an instant that is still right.
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARNED_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(
                "the server of uploads does not show a file (status 403): it is taken for one that is not there. \
                 If the key may not read, all are; one that may list gets 404 for those alone"
            );
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
        request.send().await.map_err(unreachable)
    }
}

/// It asks the server that is configured and no other: it follows nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "it follows nothing, and the other clients are of the processor's side"
)]
fn client(config: &UploadsConfig) -> Result<reqwest::Client, UploadError> {
    let wrong = |error: &dyn std::fmt::Display| UploadError::Config(error.to_string());
    let tls = onsale_tls::client_config(config.s3_ca_file.as_deref())
        .map_err(|error| wrong(&format_args!("uploads.s3_ca_file: {error}")))?;
    let timeout = Duration::from_secs(config.timeout_seconds);
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .build()
        .map_err(|error| wrong(&error))
}

/// The body, within a bound: anyone with the key may have written there.
async fn read(mut response: Response) -> Result<Bytes, UploadError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + piece.len() > FILE_MAX_BYTES {
            return Err(UploadError::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The code in the XML of an error. Anything else that it says is not repeated.
fn code_of(xml: &str) -> String {
    let code = xml.split_once("<Code>").map(|(_, rest)| rest);
    let code = code.and_then(|rest| rest.split_once("</Code>"));
    let code = code.map(|(code, _)| code).unwrap_or_default();
    let is_word = code.len() <= CODE_MAX_BYTES && code.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_word {
        code.to_owned()
    } else {
        String::new()
    }
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

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::*;
    use crate::Uploads;

    /// A server that runs for tests, and takes requests that are signed by a key; `None` where there is none,
    /// as outside of deploy/test.sh.
    fn server(bucket: &str, secret: Option<&str>) -> Option<UploadsConfig> {
        let endpoint = std::env::var("ONSALE_TEST_S3_URL").ok()?;
        let (url, key) = endpoint.split_once('#').unwrap();
        let (access_key, secret_key) = key.split_once(':').unwrap();
        Some(UploadsConfig {
            location: Some(format!("s3://{bucket}/images/of tests")),
            s3_endpoint: Some(url.to_owned()),
            s3_access_key: Some(access_key.to_owned()),
            s3_secret_key: Some(Secret::new(secret.unwrap_or(secret_key))),
            ..UploadsConfig::default()
        })
    }

    fn uploads(config: &UploadsConfig) -> Uploads {
        Uploads::new(config).unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_bucket_of_a_real_server_keeps_replaces_and_deletes() {
        let Some(config) = server("onsale-tests", None) else {
            return;
        };
        let uploads = uploads(&config);
        let name = format!("logos/{}.png", uuid::Uuid::new_v4());
        assert_eq!(uploads.get(&name).await.unwrap(), None);
        uploads.delete(&name).await.unwrap();
        for text in [&b"first"[..], b"second"] {
            uploads.put(&name, Bytes::from_static(text)).await.unwrap();
            assert_eq!(uploads.get(&name).await.unwrap().unwrap(), text);
        }
        uploads.delete(&name).await.unwrap();
        assert_eq!(uploads.get(&name).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_real_server_refuses_another_key_and_a_bucket_that_is_not_there() {
        let Some(config) = server("onsale-tests", Some("another key")) else {
            return;
        };
        let bucket = uploads(&config);
        let put = bucket.put("logos/1.png", Bytes::from_static(b"x"));
        let error = put.await.unwrap_err();
        assert!(
            matches!(error, UploadError::Refused { status: 403 }),
            "{error}"
        );
        let config = server("onsale-nowhere", None).unwrap();
        let bucket = uploads(&config);
        let put = bucket.put("logos/1.png", Bytes::from_static(b"x"));
        let error = put.await.unwrap_err();
        assert!(
            matches!(error, UploadError::Refused { status: 404 }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_real_server_is_tried_without_anything_being_kept() {
        let Some(right) = server("onsale-tests", None) else {
            return;
        };
        let answered = uploads(&right).try_bucket().await.unwrap();
        assert_eq!(answered.unwrap(), Answered::NotThere);
        let wrong_key = server("onsale-tests", Some("another key")).unwrap();
        let wrong_name = server("onsale-nowhere", None).unwrap();
        for (config, said) in [
            (wrong_key, "403 SignatureDoesNotMatch"),
            (wrong_name, "404 NoSuchBucket"),
        ] {
            let error = uploads(&config).try_bucket().await.unwrap().unwrap_err();
            assert!(error.to_string().ends_with(said), "{error}");
        }
    }

    #[test]
    fn only_the_code_of_an_error_is_repeated() {
        for (xml, code) in [
            (
                "<Error><Code>NoSuchKey</Code><Key>x</Key></Error>",
                "NoSuchKey",
            ),
            ("<Error><Code>no <b>word</b></Code></Error>", ""),
            ("<html>404</html>", ""),
            ("<Code>", ""),
        ] {
            assert_eq!(code_of(xml), code, "{xml}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unreachable_and_no_error_shows_the_signature() {
        let config = UploadsConfig {
            location: Some("s3://house".to_owned()),
            // Port 1 of the loopback has no listener.
            s3_endpoint: Some("http://127.0.0.1:1".to_owned()),
            s3_access_key: Some("key-of-tests".to_owned()),
            s3_secret_key: Some(Secret::new("secret-of-tests")),
            ..UploadsConfig::default()
        };
        let uploads = uploads(&config);
        let error = uploads.get("logos/1.png").await.unwrap_err();
        assert!(matches!(error, UploadError::Unreachable(_)), "{error}");
        let shown = format!("{uploads:?} {error:?}");
        assert!(
            !shown.contains("of-tests") && !shown.contains("X-Amz"),
            "{shown}"
        );
    }
}
