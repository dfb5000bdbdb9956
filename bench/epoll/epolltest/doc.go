// Package epolltest runs the servers of package epoll within tests.
package epolltest
