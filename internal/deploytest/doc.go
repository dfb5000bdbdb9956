// Package deploytest holds deploy/ and the tables of the README against the code: configurations load, what a
// dashboard or an alert asks for is what a running gateway tells, and every metric and reason is documented.
package deploytest
