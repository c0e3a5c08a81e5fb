//! What an address names: one server, a master that sentinels know, or a cluster.

use gensx_core::SinkErrorKind;
use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::error::Failure;

/// An address, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) place: Place,
    /// The prefix of every key, if the address names one.
    pub(crate) prefix: Option<String>,
    /// The address without what is secret.
    pub(crate) shown: String,
}

/// Where Redis is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Node(ConnectionInfo),
    /// The master of that name, as the sentinels say. `redis` is how to enter it.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
        redis: ConnectionInfo,
    },
    Cluster(Vec<ConnectionInfo>),
}

/// The parts of an address's text.
struct Parts<'a> {
    /// Whether servers are spoken to in the clear.
    scheme: &'static str,
    user: Option<&'a str>,
    hosts: Vec<&'a str>,
    path: &'a str,
    options: Vec<(&'a str, &'a str)>,
    fragment: Option<&'a str>,
}

/// What comes before `://`.
#[derive(Clone, Copy)]
enum Kind {
    Node,
    Sentinel,
    Cluster,
}

/// Takes an address apart.
///
/// - `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, with TLS `rediss://`
/// - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT].../MASTER[/DB]`
/// - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]...`
///
/// Each takes `?prefix=NAME`.
pub(crate) fn parse(url: &str) -> Result<Address, Failure> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no `://`"))?;
    let (scheme, kind) = match scheme {
        "redis" | "valkey" => ("redis", Kind::Node),
        "rediss" | "valkeys" => ("rediss", Kind::Node),
        "redis+sentinel" => ("redis", Kind::Sentinel),
        "rediss+sentinel" => ("rediss", Kind::Sentinel),
        "redis+cluster" => ("redis", Kind::Cluster),
        "rediss+cluster" => ("rediss", Kind::Cluster),
        _ => return Err(wrong("it does not begin with one of these")),
    };
    if scheme == "rediss" && !cfg!(feature = "tls") {
        return Err(Failure::config(
            "it asks for TLS, and this build is without it: turn on the feature `redis-tls`",
        ));
    }
    let mut parts = Parts::of(scheme, rest)?;
    let prefix = parts.take("prefix").map(str::to_owned);
    let (place, path) = match kind {
        Kind::Node => parts.node()?,
        Kind::Sentinel => parts.sentinel()?,
        Kind::Cluster => parts.cluster()?,
    };
    if let Some((option, _)) = parts.options.first() {
        return Err(wrong(&format!("`{option}` is no option of it")));
    }
    let (hosts, family) = (parts.hosts.join(","), url.split_once("://").map_or("", |(family, _)| family));
    Ok(Address { place, prefix, shown: format!("{family}://{hosts}{path}") })
}

/// An address is not shown: it may hold a password.
fn wrong(reason: &str) -> Failure {
    let forms =
        "`redis://HOST:PORT`, `redis+sentinel://HOST:PORT,.../MASTER` or `redis+cluster://HOST:PORT,...`";
    Failure::new(SinkErrorKind::Config, format!("the address of Redis is not usable, {reason}: give {forms}"))
}

impl<'a> Parts<'a> {
    fn of(scheme: &'static str, rest: &'a str) -> Result<Self, Failure> {
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, part)| (rest, Some(part)));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return Err(wrong("a host is missing"));
        }
        let option = |pair: &'a str| pair.split_once('=').unwrap_or((pair, ""));
        let options = query.split('&').filter(|pair| !pair.is_empty()).map(option).collect();
        Ok(Self { scheme, user, hosts, path: path.trim_end_matches('/'), options, fragment })
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.options.iter().position(|(option, _)| *option == name)?;
        Some(self.options.remove(place).1)
    }

    /// How to reach one host, with or without the user.
    fn server(&self, host: &str, user: Option<&str>, path: &str) -> Result<ConnectionInfo, Failure> {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let fragment = self.fragment.map(|part| format!("#{part}")).unwrap_or_default();
        let url = format!("{}://{user}{host}/{path}?protocol=resp3{fragment}", self.scheme);
        // The cause is left out: it may show a part of the address.
        url.into_connection_info().map_err(|_| wrong("a host, a port or a database number is none"))
    }

    fn node(&self) -> Result<(Place, String), Failure> {
        let [host] = self.hosts[..] else {
            return Err(wrong("several hosts are for `redis+cluster://` and `redis+sentinel://`"));
        };
        let path = if self.path.is_empty() { String::new() } else { format!("/{}", self.path) };
        Ok((Place::Node(self.server(host, self.user, self.path)?), path))
    }

    fn sentinel(&mut self) -> Result<(Place, String), Failure> {
        let (master, db) = self.path.split_once('/').unwrap_or((self.path, ""));
        if master.is_empty() {
            return Err(wrong("the master's name is missing"));
        }
        let own = match (self.take("sentinel_user"), self.take("sentinel_password")) {
            (None, None) => None,
            (user, password) => {
                Some(format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default()))
            }
        };
        let sentinel = |host: &&str| {
            let host = if host.contains(':') { (*host).to_owned() } else { format!("{host}:26379") };
            self.server(&host, own.as_deref(), "")
        };
        let sentinels = self.hosts.iter().map(sentinel).collect::<Result<_, _>>()?;
        let redis = self.server(self.hosts[0], self.user, db)?;
        Ok((Place::Sentinel { sentinels, master: master.to_owned(), redis }, format!("/{}", self.path)))
    }

    fn cluster(&self) -> Result<(Place, String), Failure> {
        if !self.path.is_empty() {
            return Err(wrong("a cluster has no database numbers"));
        }
        let nodes = self.hosts.iter().map(|host| self.server(host, self.user, ""));
        Ok((Place::Cluster(nodes.collect::<Result<_, _>>()?), String::new()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(url: &str) -> String {
        parse(url).unwrap_or_else(|failure| panic!("{url}: {failure:?}")).shown
    }

    #[test]
    fn each_form_is_understood_and_shown_without_its_secrets() {
        assert_eq!(shown("redis://127.0.0.1"), "redis://127.0.0.1");
        assert_eq!(shown("redis://ann:s3cret@h:7000/2?prefix=p"), "redis://h:7000/2");
        assert_eq!(shown("redis+cluster://:s3cret@a:1,b:2,c:3"), "redis+cluster://a:1,b:2,c:3");
        let sentinel = "redis+sentinel://u:s3cret@a,b:26380/main/1?sentinel_password=s3cret";
        assert_eq!(shown(sentinel), "redis+sentinel://a,b:26380/main/1");
        assert_eq!(parse("redis://h?prefix=p").unwrap().prefix.as_deref(), Some("p"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_address() {
        let cases = [
            ("127.0.0.1:6379", "no `://`"),
            ("http://s3cret", "does not begin"),
            ("redis://", "host is missing"),
            ("redis://a,b", "several hosts"),
            ("redis://h/one", "database number"),
            ("redis://h?prefx=s3cret", "`prefx` is no option"),
            ("redis+sentinel://h", "master's name"),
            ("redis+cluster://a,b/3", "no database numbers"),
        ];
        for (url, words) in cases {
            let text = parse(url).unwrap_err().of_sink("redis").to_string();
            assert!(text.contains(words) && !text.contains("s3cret"), "{url}: {text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(redis(s|\\+cluster|\\+sentinel)?://)?.{0,60}") {
            let _ = parse(&text);
        }
    }
}
