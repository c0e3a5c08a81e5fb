use gensx::component;

#[derive(Clone)]
struct Token;

#[component]
async fn research(#[secret] token: Token) -> gensx::Result<()> {
    drop(token);
    Ok(())
}

fn main() {}
