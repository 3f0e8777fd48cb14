//! Attribute names.
