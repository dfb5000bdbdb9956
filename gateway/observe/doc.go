// Package observe is what is seen of a running gateway: metrics in Prometheus' text format, lines of the access log, and how
// often the log may say the same. It is handed numbers and lines, and knows nothing of sessions and plans.
//
//	table.go                   all metrics, a row each: name, type, labels, help, source
//	counters.go                what a loop counts; a [LoopStats] is a copy
//	metrics.go                 what is counted for the whole gateway, and a [Scrape]: all that one reading looks at
//	known.go                   label values that exist from the start, so that rate() sees the first event
//	source.go, edge.go         how a row gets its samples
//	exposition.go, runtime.go  the text; the process and the Go runtime
//	push.go                    pushing instead of being scraped
//	accesslog.go               a [Line] for each session that opens, closes or is refused, and each plain request
//	limiter.go, clip.go        bounds of what the log is told
package observe
