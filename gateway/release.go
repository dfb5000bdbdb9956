package gateway

// Release is the version of Weir, which the linker sets in released binaries.
var Release = "dev"
