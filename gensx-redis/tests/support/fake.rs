//! A server that answers as no real one here would.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What is answered to a command in words, as it stands on the wire.
pub(crate) type Answer = fn(&[String]) -> String;

/// Starts one and gives its address. It ends with the test's runtime.
pub(crate) async fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(talk(client, answer));
        }
    });
    url
}

async fn talk(client: TcpStream, answer: Answer) {
    let mut client = BufReader::new(client);
    while let Some(words) = command(&mut client).await {
        if client.write_all(answer(&words).as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next command, upper case its name.
async fn command(client: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for _ in 0..length(client, '*').await? {
        let mut bytes = vec![0; length(client, '$').await? + 2];
        client.read_exact(&mut bytes).await.ok()?;
        bytes.truncate(bytes.len() - 2);
        words.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    words[0].make_ascii_uppercase();
    Some(words)
}

async fn length(client: &mut BufReader<TcpStream>, kind: char) -> Option<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(kind)?.parse().ok()
}

/// The greeting of a server that speaks the newer protocol.
pub(crate) const HELLO: &str = "%1\r\n$5\r\nproto\r\n:3\r\n";

pub(crate) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}
