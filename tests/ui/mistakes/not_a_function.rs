use gensx::component;

#[component]
struct Research {
    topic: String,
}

fn main() {}
