use gensx::component;

#[component]
async fn research<'gensx>(topic: &'gensx str) -> gensx::Result<String> {
    Ok(topic.to_owned())
}

fn main() {}
