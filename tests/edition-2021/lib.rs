//! Nothing: its tests are what it is for.
