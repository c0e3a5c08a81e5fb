use gensx::component;

struct Search {
    count: usize,
}

impl Search {
    #[component]
    async fn research(#[skip] &self, topic: String) -> gensx::Result<String> {
        Ok(topic.repeat(self.count))
    }
}

fn main() {}
