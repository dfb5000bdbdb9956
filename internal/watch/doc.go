// Package watch keeps values that are made of files, and makes them anew when the files say something else.
//
//	Look -> read -> the same bytes: nothing more to do
//	             -> others: Parse -> Value, or the old one and an error
//
// Whoever looks tells of what came out, by Outcome.Tell: of each change, and of a failure once for as long as it lasts.
package watch
