// Package archtest holds the rules of who may import whom, and how long a file may be, as tests.
package archtest
