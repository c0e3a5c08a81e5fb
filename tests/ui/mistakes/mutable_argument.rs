use gensx::component;

#[component]
async fn research(topic: String, found: &mut Vec<String>) -> gensx::Result<()> {
    found.push(topic);
    Ok(())
}

fn main() {}
