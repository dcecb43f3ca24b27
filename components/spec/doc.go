// Package spec is what a stack's file may say about services and engines, in plain values: each type with its defaults
// and with all that is wrong with it. Field comments are the reference of the config (docs/reference/config.md and the
// JSON schema for editors).
package spec
