use gensx::component;

#[component]
async unsafe fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
