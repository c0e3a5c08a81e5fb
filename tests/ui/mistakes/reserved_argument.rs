use gensx::component;

#[component]
async fn research(__gensx_topic: String) -> gensx::Result<String> {
    Ok(__gensx_topic)
}

fn main() {}
