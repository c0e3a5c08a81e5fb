//! Methods and associated functions.

use std::fmt::Display;

use gensx::{Call, Result, component};

struct Client {
    tenant: String,
}

impl Client {
    const LIMIT: usize = 3;

    #[component(cache(ttl = "1h", key = (question, &self.tenant)))]
    async fn ask(&self, question: String, (count, _): (usize, u8)) -> Result<String> {
        Ok(format!("{}: {}", self.tenant, question.repeat(count.min(Self::LIMIT))))
    }

    #[component(cache(ttl = "1h", scope = self.tenant))]
    async fn named<'a>(&'a self, other: &'a str) -> Result<String> {
        Ok([self.tenant.as_str(), other].concat())
    }

    #[component(fallback = Self::stand_in)]
    async fn open(tenant: &str) -> Result<String> {
        let number: u32 = tenant.parse().map_err(gensx::permanent)?;
        Ok(number.to_string())
    }

    fn stand_in(_: gensx::Error, tenant: &str) -> String {
        format!("no {tenant}")
    }
}

#[tokio::test]
async fn methods_borrow_their_object() {
    let client = Client { tenant: "a".to_owned() };
    assert_eq!(client.ask("b".to_owned(), (5, 0)).await.unwrap(), "a: bbb");
    assert_eq!(client.named("c").await.unwrap(), "ac");
}

#[tokio::test]
async fn associated_functions_may_name_their_type() {
    assert_eq!(Client::open("7").await.unwrap(), "7");
    assert_eq!(Client::open("x").await.unwrap(), "no x");
}

struct Shelf<'s, T> {
    label: &'s str,
    items: Vec<T>,
}

impl<'s, T: Display + Sync> Shelf<'s, T> {
    #[component]
    async fn list(&self, separator: &str) -> Result<String> {
        let items: Vec<String> = self.items.iter().map(ToString::to_string).collect();
        Ok(format!("{}{}", self.label, items.join(separator)))
    }

    #[component]
    async fn title(label: &'s str) -> Result<String> {
        Ok(label.to_uppercase())
    }
}

#[tokio::test]
async fn impl_blocks_may_be_generic() {
    let label = String::from("n: ");
    let shelf = Shelf { label: &label, items: vec![1, 2] };
    assert_eq!(shelf.list(", ").await.unwrap(), "n: 1, 2");
    assert_eq!(Shelf::<u8>::title(&label).await.unwrap(), "N: ");
}

trait Search {
    fn search(&self, topic: &'static str) -> Call<'_, String>;
}

impl Search for Client {
    #[component]
    async fn search(&self, topic: &'static str) -> Result<String> {
        Ok([&self.tenant, topic].concat())
    }
}

#[tokio::test]
async fn a_trait_may_ask_for_a_component() {
    let client: Box<dyn Search> = Box::new(Client { tenant: "a".to_owned() });
    assert_eq!(client.search("b").await.unwrap(), "ab");
}
