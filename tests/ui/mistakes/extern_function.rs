use gensx::component;

#[component]
async extern "C" fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
