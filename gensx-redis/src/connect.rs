//! Connections: how they are made, and the one way to ask over any of them.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
#[cfg(feature = "tls")]
use redis::TlsMode;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ProtocolVersion, PushInfo,
    RedisResult, Value,
    aio::MultiplexedConnection,
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::sync::Mutex;

use crate::{address::Place, error::Failure, tls::Tls};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that says nothing is asked after this whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Bytes that nobody confirms for this long end a connection.
const USER_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that wait to be written; the client's own 50 costs a quarter of the throughput with 1,000 tasks.
const PIPELINE_BUFFER: usize = 1024;
/// Redirections and repetitions of one request inside the cluster's client.
const CLUSTER_RETRIES: u32 = 3;

/// Channels of a cluster that are asked for together.
const CLUSTER_CHANNELS_AT_ONCE: usize = 64;

/// Who hears what the server says unasked. It must not block.
pub(crate) type Ear = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Where connections come from.
pub(crate) enum Server {
    Node(Client),
    /// Behind a lock because its client keeps what it learned about the sentinels.
    Sentinel(Mutex<SentinelClient>),
    Cluster(Vec<ConnectionInfo>, Tls),
}

/// An open connection, to be cloned for each request.
#[derive(Clone)]
pub(crate) enum Connection {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Server {
    pub(crate) fn new(place: Place, tls: Tls) -> Result<Self, Failure> {
        tls.prepare()?;
        Ok(match place {
            Place::Node(info) => Self::Node(node(info.set_tcp_settings(tcp()), &tls)?),
            Place::Cluster(nodes) => Self::Cluster(nodes, tls),
            Place::Sentinel { sentinels, master, redis } => {
                Self::Sentinel(Mutex::new(sentinel(&sentinels, &master, &redis, &tls)?))
            }
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }

    /// The client of the one server that takes requests.
    pub(crate) async fn client(&self) -> Result<Master, Failure> {
        match self {
            Self::Node(client) => Ok(Master(client.clone())),
            Self::Sentinel(client) => Ok(Master(client.lock().await.async_get_client().await?)),
            Self::Cluster(..) => Err(Failure::config("a cluster has several masters")),
        }
    }

    /// Opens a connection, and has `ear` hear what the server says unasked, its end among it.
    pub(crate) async fn connect(&self, response_timeout: Duration, ear: Ear) -> Result<Connection, Failure> {
        if let Self::Cluster(nodes, tls) = self {
            return cluster(nodes, tls, response_timeout, ear).await;
        }
        let config = config().set_response_timeout(Some(response_timeout)).set_push_sender(hear(ear));
        Ok(Connection::Node(self.client().await?.connect(&config).await?))
    }
}

/// One server.
pub(crate) struct Master(Client);

impl Master {
    /// Opens a connection whose requests have no time limit.
    pub(crate) async fn open(&self) -> Result<MultiplexedConnection, Failure> {
        self.connect(&config().set_response_timeout(None)).await
    }

    async fn connect(&self, config: &AsyncConnectionConfig) -> Result<MultiplexedConnection, Failure> {
        Ok(self.0.get_multiplexed_async_connection_with_config(config).await?)
    }
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// One server; with TLS only if its address says so.
#[cfg(feature = "tls")]
fn node(info: ConnectionInfo, tls: &Tls) -> RedisResult<Client> {
    match info.addr() {
        ConnectionAddr::TcpTls { .. } => Client::build_with_tls(info, tls.certificates()),
        _ => Client::open(info),
    }
}

#[cfg(not(feature = "tls"))]
fn node(info: ConnectionInfo, _: &Tls) -> RedisResult<Client> {
    Client::open(info)
}

async fn cluster(
    nodes: &[ConnectionInfo],
    tls: &Tls,
    timeout: Duration,
    ear: Ear,
) -> Result<Connection, Failure> {
    let client = cluster_of(nodes, tls)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(timeout)
        .overall_response_timeout(Some(timeout))
        .retries(CLUSTER_RETRIES)
        .tcp_settings(tcp())
        .push_sender(hear(ear))
        .build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

fn hear(ear: Ear) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
    move |push| {
        ear(push);
        Ok(())
    }
}

fn tcp() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE))
        .set_user_timeout(USER_TIMEOUT)
}

fn sentinel(
    sentinels: &[ConnectionInfo],
    master: &str,
    redis: &ConnectionInfo,
    tls: &Tls,
) -> RedisResult<SentinelClient> {
    let addresses = sentinels.iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_redis_db(redis.redis_settings().db())
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
    if let Some(password) = redis.redis_settings().password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = redis.redis_settings().username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if matches!(redis.addr(), ConnectionAddr::TcpTls { .. }) {
        builder = secured(builder, tls);
    }
    if let Some(own) = sentinels.first().map(ConnectionInfo::redis_settings) {
        if let Some(password) = own.password() {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if let Some(user) = own.username() {
            builder = builder.set_client_to_sentinel_username(user);
        }
    }
    builder.build()
}

/// A builder for these nodes; with certificates all of them would be spoken to with TLS.
#[cfg(feature = "tls")]
fn cluster_of(nodes: &[ConnectionInfo], tls: &Tls) -> ClusterClientBuilder {
    let builder = ClusterClient::builder(nodes.to_vec());
    match nodes.first().map(ConnectionInfo::addr) {
        Some(ConnectionAddr::TcpTls { .. }) => builder.certs(tls.certificates()),
        _ => builder,
    }
}

#[cfg(not(feature = "tls"))]
fn cluster_of(nodes: &[ConnectionInfo], _: &Tls) -> ClusterClientBuilder {
    ClusterClient::builder(nodes.to_vec())
}

/// TLS to the servers and to the sentinels, which trust the same.
#[cfg(feature = "tls")]
fn secured(builder: SentinelClientBuilder, tls: &Tls) -> SentinelClientBuilder {
    builder
        .set_client_to_redis_tls_mode(TlsMode::Secure)
        .set_client_to_redis_certificates(tls.certificates())
        .set_client_to_sentinel_tls_mode(TlsMode::Secure)
        .set_client_to_sentinel_certificates(tls.certificates())
}

#[cfg(not(feature = "tls"))]
fn secured(builder: SentinelClientBuilder, _: &Tls) -> SentinelClientBuilder {
    builder
}

impl Connection {
    pub(crate) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Node(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Listens to the channels of runs: when it returns, they are heard, but for those that were refused by themselves.
    pub(crate) async fn listen(&mut self, channels: &[String]) -> RedisResult<Vec<RedisResult<()>>> {
        match self {
            Self::Node(connection) => {
                connection.subscribe(channels).await?;
                Ok(channels.iter().map(|_| Ok(())).collect())
            }
            Self::Cluster(connection) => {
                // Each channel is in a slot of its own, and its node may be down while others are not.
                let ask = |channel: String| {
                    let mut connection = connection.clone();
                    async move { connection.ssubscribe(channel).await }
                };
                Ok(stream::iter(channels.to_vec())
                    .map(ask)
                    .buffered(CLUSTER_CHANNELS_AT_ONCE)
                    .collect()
                    .await)
            }
        }
    }

    /// Listens to a channel that is in no slot.
    pub(crate) async fn listen_to_all(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::Node(connection) => connection.subscribe(channel).await,
            Self::Cluster(connection) => connection.subscribe(channel).await,
        }
    }

    pub(crate) async fn leave(&mut self, channels: &[String]) -> RedisResult<()> {
        match self {
            Self::Node(connection) => connection.unsubscribe(channels).await,
            Self::Cluster(connection) => {
                // Those that a failing node still holds are told and not listened to.
                let leave = |channel: String| {
                    let mut connection = connection.clone();
                    async move { drop(connection.sunsubscribe(channel).await) }
                };
                stream::iter(channels.to_vec()).for_each_concurrent(CLUSTER_CHANNELS_AT_ONCE, leave).await;
                Ok(())
            }
        }
    }
}
