//! An answer with its body read.

use axum::body::Body;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Self {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// `data` of a success with this status.
    #[track_caller]
    pub(crate) fn data(&self, status: u16) -> Value {
        let json = self.json();
        assert_eq!(self.status.as_u16(), status, "{json}");
        assert_eq!(json["success"], true);
        assert!(json["meta"]["request_id"].is_string());
        json["data"].clone()
    }

    /// `details` of a failure with this status and code, whose body is whole.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        let json = self.json();
        assert_eq!(self.status.as_u16(), status, "{json}");
        assert_eq!(json["error"]["code"], code, "{json}");
        assert_eq!(json["success"], false);
        assert_eq!(json["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(json["meta"]["request_id"], self.header("x-request-id"));
        for field in ["type", "title", "detail", "instance"] {
            assert!(
                json[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}"
            );
        }
        json["error"]["details"].clone()
    }
}
