//! Which model server, and the HTTP client for it.

use std::net::SocketAddr;
use std::time::Duration;

use super::LlmError;

/// What `OPENAI_API_KEY` alone means.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1/";
/// The model asked for unless `OPENAI_MODEL` names one: small, cheap and known to OpenAI's own server.
const DEFAULT_MODEL: &str = "gpt-4o-mini";
/// The built-in server has one model.
const BUILT_IN_MODEL: &str = "built-in-extract";
/// Many local servers want no key but a header with one.
const NO_KEY: &str = "none";

/// A server that does not take the connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that says nothing for this long has lost the request; thinking models take their time.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// A model server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Server {
    /// The one in this process.
    BuiltIn(SocketAddr),
    /// The one that the environment names.
    Named { base_url: String, key: Option<String>, model: String },
}

impl Server {
    /// The server that the environment names, if it names one. Empty variables count as unset, as in most tools.
    pub(crate) fn from_env(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let key = set("OPENAI_API_KEY");
        let base_url =
            set("OPENAI_BASE_URL").or_else(|| key.is_some().then(|| OPENAI_BASE_URL.to_owned()))?;
        // Without the slash, joining `chat/completions` to it would lose its last part.
        let base_url = format!("{}/", base_url.trim().trim_end_matches('/'));
        let model = set("OPENAI_MODEL").unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        Some(Self::Named { base_url, key, model })
    }

    pub(super) fn base_url(&self) -> String {
        match self {
            Self::BuiltIn(address) => format!("http://{address}/v1/"),
            Self::Named { base_url, .. } => base_url.clone(),
        }
    }

    pub(super) fn api_key(&self) -> &str {
        match self {
            Self::BuiltIn(_) => NO_KEY,
            Self::Named { key, .. } => key.as_deref().unwrap_or(NO_KEY),
        }
    }

    pub(super) fn model(&self) -> &str {
        match self {
            Self::BuiltIn(_) => BUILT_IN_MODEL,
            Self::Named { model, .. } => model,
        }
    }
}

/// Says which server and model, without the key.
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn(address) => write!(f, "built in, http://{address} (OPENAI_BASE_URL is not set)"),
            Self::Named { base_url, model, .. } => write!(f, "{model} at {base_url}"),
        }
    }
}

/// The HTTP client under `genai`, made here because its default needs a TLS provider that takes minutes to compile.
pub(crate) fn web_client(server: &Server) -> Result<reqwest::Client, LlmError> {
    // A second client finds the provider installed: that is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT);
    if matches!(server, Server::BuiltIn(_)) {
        // A proxy set for the outside world does not know this machine's loopback.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|source| LlmError::Client { source: source.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Option<Server> {
        Server::from_env(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn named(base_url: &str, key: Option<&str>, model: &str) -> Option<Server> {
        Some(Server::Named { base_url: base_url.into(), key: key.map(Into::into), model: model.into() })
    }

    #[test]
    fn no_variable_means_the_built_in_server() {
        assert_eq!(from(&[]), None);
        assert_eq!(from(&[("OPENAI_BASE_URL", ""), ("OPENAI_API_KEY", " "), ("OPENAI_MODEL", "m")]), None);
    }

    #[test]
    fn a_key_alone_means_openai() {
        assert_eq!(from(&[("OPENAI_API_KEY", "k")]), named(OPENAI_BASE_URL, Some("k"), DEFAULT_MODEL));
    }

    #[test]
    fn a_base_url_ends_with_one_slash_and_needs_no_key() {
        for url in ["http://localhost:8080/v1", "http://localhost:8080/v1/", "http://localhost:8080/v1//"] {
            let server = from(&[("OPENAI_BASE_URL", url), ("OPENAI_MODEL", "m")]);
            assert_eq!(server, named("http://localhost:8080/v1/", None, "m"), "{url}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = from(&[("OPENAI_API_KEY", "sk-secret")]).unwrap().to_string();
        assert!(!shown.contains("sk-secret"), "{shown}");
    }
}
