// Package table is a hash table from small numbers (descriptors, stream numbers) to the objects that carry them.
// It holds one pointer for each slot and no keys, which is a third of what a map takes; with a million idle
// connections that counts.
package table
