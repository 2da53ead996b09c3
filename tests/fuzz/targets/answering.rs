//! A registry that is well, and whose pages come from a function.

use skillsmith_sync::Result;
use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};

pub struct Answering<F>(pub F);

impl<F: Fn(&PageRequest, &Call<'_>) -> Result<Page> + Send + Sync> Registry for Answering<F> {
    fn name(&self) -> String {
        "https://fuzz.example/functions/v1".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, _: &Call<'_>) -> Result<Health> {
        Ok(Health::Healthy)
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        (self.0)(request, call)
    }
}
