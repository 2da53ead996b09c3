//! Databases in the field: files of every version, made by other programs, damaged, or not
//! databases at all.

mod categories;
mod every_fixture;
mod fields;
pub(crate) mod fixture;
mod foreign_objects;
mod opening;
mod refused;
mod security;
mod served;
mod skill_versions;
pub(crate) mod support;
