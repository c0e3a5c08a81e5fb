#[component]
async fn references(topic: &str, page: Page<'_>, visit: fn(&str) -> &str) -> gensx::Result<()> {
    Ok(())
}

#[component]
async fn generics<'a, T: Serialize, const N: usize>(
    first: &'a T,
    all: [T; N],
    rest: impl Iterator<Item = T>,
    last: &impl Serialize,
) -> gensx::Result<()>
where
    T: Clone,
{
    Ok(())
}

#[component]
async fn patterns((left, right): (u8, u8), _: String, mut count: u32, _guard: Guard) -> gensx::Result<()> {
    Ok(())
}

#[component(cache(ttl = "1h", scope = self.tenant))]
async fn method(&self, topic: String) -> gensx::Result<String> {
    #![allow(clippy::unwrap_used)]
    self.client.ask(topic).await
}
