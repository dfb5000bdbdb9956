// Package chars tells which bytes a name, a target or a value of HTTP may hold, for the parsers of both its versions.
package chars
