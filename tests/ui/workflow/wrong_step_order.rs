use gensx::prelude::*;

#[component]
async fn count(text: String) -> gensx::Result<usize> {
    Ok(text.len())
}

#[component]
async fn shout(text: String) -> gensx::Result<String> {
    Ok(text.to_uppercase())
}

fn main() {
    Workflow::new("w", count).then(shout);
}
