// Package observe is what is seen of a running gateway.
package observe
