// Package deploytest holds deploy/ and the README against the code: configurations and commands they show load, what a
// dashboard or an alert asks for is what a running gateway tells, and every metric and reason is documented.
package deploytest
