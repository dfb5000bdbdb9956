// Package peers starts what is compared, one process each, one worker or thread each, with the
// configurations kept beside this file. Where clients come with TLS, all show them the Certificate
// that the comparison made. A process lives in a group of its own, which is killed as
// a whole by Stop, and by the kernel should the benchmark itself be killed.
package peers
