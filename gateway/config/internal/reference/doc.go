// Command reference writes the pages of docs/reference that are made of definitions in the code.
package main
