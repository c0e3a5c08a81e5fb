use gensx::component;

struct Search;

#[component]
impl Search {
    async fn research(&self, topic: String) -> gensx::Result<String> {
        Ok(topic)
    }
}

fn main() {}
