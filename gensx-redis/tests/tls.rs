//! TLS with a certificate authority of one's own, to each kind of place.

#![cfg(feature = "tls")]

#[path = "support/events.rs"]
mod events;

use gensx_core::{EventId, EventSink, SinkErrorKind, sink::Append};
use gensx_redis::{RedisSink, RedisSinkBuilder};
use gensx_test_servers::{RedisCluster, RedisSentinel, RedisServer, TestCertificates};

use self::events::{closing, next, opening, run_id, soon, text};

fn trusting(url: String, certificates: &TestCertificates) -> RedisSinkBuilder {
    RedisSink::builder(url)
        .tls_root(certificates.root())
        .tls_client(certificates.certificate(), certificates.key())
}

/// A run from its beginning to its end, with a reader that waits.
async fn expect_works(sink: &RedisSink) {
    for n in 0..5 {
        let (run, at) = (run_id(&format!("run-{n}")), |seq| EventId::new(1, seq));
        assert_eq!(sink.append(&opening(&run, vec![text("1")])).await.unwrap(), Append::Done);
        let batch = next(&run, at(2), vec![text("2")]);
        let (changed, done) = tokio::join!(sink.changed(&run, 1), sink.append(&batch));
        assert_eq!((changed.unwrap(), done.unwrap()), ((), Append::Done));
        assert_eq!(sink.append(&closing(&run, at(3))).await.unwrap(), Append::Done);
        assert_eq!(sink.read(&run, 0, 9).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_server_with_a_certificate_of_a_private_authority() {
    let certificates = TestCertificates::new();
    let server = RedisServer::builder().tls(&certificates).start();
    server.command(&["ACL", "SETUSER", "a@b", "on", ">p/w", "~*", "&*", "+@all"]);
    let url = server.tls_url().replace("://", "://a%40b:p%2Fw@");
    expect_works(&soon("connect", trusting(url, &certificates).connect()).await.unwrap()).await;
}

#[tokio::test]
async fn a_cluster_with_certificates_of_a_private_authority() {
    let certificates = TestCertificates::new();
    let cluster = RedisCluster::start_tls(&certificates);
    expect_works(&soon("connect", trusting(cluster.tls_url(), &certificates).connect()).await.unwrap()).await;
}

#[tokio::test]
async fn a_master_behind_sentinel_with_certificates_of_a_private_authority() {
    let certificates = TestCertificates::new();
    let servers = RedisSentinel::start_tls(&certificates);
    expect_works(&soon("connect", trusting(servers.tls_url(), &certificates).connect()).await.unwrap()).await;
}

#[tokio::test]
async fn whoever_is_not_trusted_is_an_error_that_says_so() {
    let (certificates, others) = (TestCertificates::new(), TestCertificates::new());
    let server = RedisServer::builder().tls(&certificates).start();
    let url = server.tls_url();
    let key = String::from_utf8(certificates.key()).unwrap();
    let refused = [
        ("nobody is trusted", RedisSink::builder(&url)),
        ("somebody else is trusted", trusting(url.clone(), &others)),
        ("the client shows nothing", RedisSink::builder(&url).tls_root(certificates.root())),
        ("no certificates", RedisSink::builder(&url).tls_root("no PEM")),
        ("no key", RedisSink::builder(&url).tls_client(certificates.certificate(), "no PEM")),
    ];
    for (why, builder) in refused {
        assert!(!format!("{builder:?}").contains(&key[40..60]), "a key is shown");
        let error = soon(why, builder.connect()).await.unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Config, "{why}: {error} {error:?}");
        assert!(error.to_string().contains("tls_root"), "{why}: {error}");
    }
}
