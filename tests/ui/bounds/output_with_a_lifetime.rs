use gensx::component;

#[component]
async fn research<T>(topic: T) -> gensx::Result<T>
where
    T: Clone + Send + serde::Serialize + serde::de::DeserializeOwned,
{
    Ok(topic)
}

fn main() {}
