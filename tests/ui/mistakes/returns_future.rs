use gensx::component;

#[component]
fn research(topic: String) -> impl Future<Output = gensx::Result<String>> {
    async move { Ok(topic) }
}

fn main() {}
