package observe

// Clipped is the beginning of what a client may make as long as a head can be.
func Clipped[T string | []byte](text T) string {
	if len(text) > 1024 {
		return string(text[:1024]) + "..."
	}
	return string(text)
}

// Short is the beginning of what is never so long where nobody plays tricks.
func Short[T string | []byte](text T) string { return string(text[:min(len(text), 256)]) }
