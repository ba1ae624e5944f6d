//! What a provider of OpenID Connect says of itself (OpenID Connect Discovery 1.0).

use reqwest::Url;
use serde::Deserialize;

use super::client::Client;
use super::config::{is_protected, provider_url};
use super::error::ProviderError;
use super::kept::Kept;

/// What is needed of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) keys: Url,
    /// Whether the return from it names it (RFC 9207).
    pub(super) names_itself: bool,
    /// Whether the secret stands in the form, and not in a header.
    pub(super) takes_secret_in_form: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What is kept of one provider.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    kept: Kept<Endpoints>,
}

impl Discovery {
    /// The endpoints of `issuer`. They are on its host or on one of `hosts`.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn endpoints(
        &self,
        client: &Client,
        issuer: &str,
        hosts: &[String],
        now_ms: u64,
    ) -> Result<Endpoints, ProviderError> {
        let place = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let place = Url::parse(&place).map_err(|_| ProviderError::Answer("its issuer"))?;
        let fetch = async { read(&client.get(&place, None).await?, issuer, &place, hosts) };
        self.kept.get(now_ms, fetch).await
    }
}

fn read(
    bytes: &[u8],
    issuer: &str,
    place: &Url,
    hosts: &[String],
) -> Result<Endpoints, ProviderError> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|_| ProviderError::Answer("its discovery document is none"))?;
    if document.issuer != issuer {
        return Err(ProviderError::Answer(
            "its discovery document is of another issuer",
        ));
    }
    let endpoint = |text: &str| {
        let url = provider_url(text).filter(|url| is_expected(url, place, hosts));
        url.ok_or(ProviderError::Answer(
            "an endpoint of its discovery document is not on the issuer's host nor in endpoint_hosts",
        ))
    };
    // Without a word about it, the specification's default is the header.
    let methods = document.token_endpoint_auth_methods_supported;
    let takes = |method: &str| {
        methods
            .as_ref()
            .map(|methods| methods.iter().any(|known| known == method))
    };
    Ok(Endpoints {
        authorization: endpoint(&document.authorization_endpoint)?,
        token: endpoint(&document.token_endpoint)?,
        keys: endpoint(&document.jwks_uri)?,
        names_itself: document.authorization_response_iss_parameter_supported,
        takes_secret_in_form: takes("client_secret_basic") == Some(false)
            && takes("client_secret_post") == Some(true),
    })
}

/// Whether an endpoint is where the configuration lets it be: of the issuer's own origin, or by TLS on a
/// host that is listed.
fn is_expected(url: &Url, place: &Url, hosts: &[String]) -> bool {
    if url.origin() == place.origin() {
        return true;
    }
    let is_listed = |host: &str| hosts.iter().any(|listed| listed == host);
    is_protected(url)
        && url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(is_listed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example.com";

    fn document(change: impl FnOnce(&mut Value)) -> Result<Endpoints, ProviderError> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://tokens.example.com/token",
            "jwks_uri": "https://id.example.com/keys",
        });
        change(&mut document);
        let place = Url::parse("https://id.example.com/.well-known/openid-configuration").unwrap();
        let hosts = ["tokens.example.com".to_owned()];
        read(&document.to_string().into_bytes(), ISSUER, &place, &hosts)
    }

    #[test]
    fn endpoints_are_on_the_issuers_host_or_on_one_that_is_listed() {
        let found = document(|_| {}).unwrap();
        assert_eq!(found.token.as_str(), "https://tokens.example.com/token");
        assert!(!found.names_itself && !found.takes_secret_in_form);
        for wrong in [
            "https://169.254.169.254/token",
            "https://other.example.com/token",
            "http://id.example.com/token",
            "https://id.example.com:8443/token",
            "https://tokens.example.com:22/token",
            "https://u:p@id.example.com/token",
            "http://localhost:1/token",
            "file:///etc/passwd",
            "/token",
        ] {
            for field in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
                let read = document(|document| document[field] = json!(wrong));
                assert!(read.is_err(), "{field} {wrong}");
            }
        }
        let other = document(|document| document["issuer"] = json!("https://id.example.com/"));
        assert!(other.is_err(), "the issuer is compared exactly");
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        for (methods, in_form) in [
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            let read =
                document(|document| document["token_endpoint_auth_methods_supported"] = methods);
            assert_eq!(read.unwrap().takes_secret_in_form, in_form);
        }
    }
}
