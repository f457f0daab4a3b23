//! Decrypts SOPS files.
