//! Reading files back.
