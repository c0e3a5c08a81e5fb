use gensx::component;

trait Search {
    #[component]
    async fn research(&self, topic: String) -> gensx::Result<String>;
}

fn main() {}
