use gensx::component;

struct Client;

#[component]
async fn research(#[skip] client: Client) -> gensx::Result<()> {
    drop(client);
    Ok(())
}

fn main() {}
