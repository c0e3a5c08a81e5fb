use gensx::component;

struct Search {
    count: usize,
}

impl Search {
    #[component]
    async fn research(self, topic: String) -> gensx::Result<String> {
        Ok(topic)
    }
}

fn main() {}
