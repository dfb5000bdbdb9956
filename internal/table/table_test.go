package table

import (
	"math/rand/v2"
	"testing"
)

type object struct{ key uint32 }

func (o *object) Key() uint32 { return o.key }

// TestTable compares with a map over random changes; keys are few, so that they collide and come back.
func TestTable(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var table Table[*object]
		model := map[uint32]*object{}
		span := uint32(1) << (2 + seed%12)
		for step := range 20000 {
			key := random.Uint32N(span)
			switch random.IntN(5) {
			case 0, 1:
				o := &object{key}
				table.Put(o)
				model[key] = o
			case 2, 3:
				table.Delete(key)
				delete(model, key)
			}
			if got := table.Get(key); got != model[key] {
				t.Fatalf("seed %d, step %d: key %d gives %v, want %v", seed, step, key, got, model[key])
			}
			if table.Len() != len(model) {
				t.Fatalf("seed %d, step %d: %d objects, want %d", seed, step, table.Len(), len(model))
			}
		}
		all := table.All()
		if len(all) != len(model) {
			t.Fatalf("seed %d: All gives %d objects, want %d", seed, len(all), len(model))
		}
		for _, o := range all {
			if model[o.key] != o {
				t.Fatalf("seed %d: All gives a stranger", seed)
			}
		}
	}
}

func TestTableShrinks(t *testing.T) {
	var table Table[*object]
	for i := range uint32(10000) {
		table.Put(&object{i})
	}
	for i := range uint32(10000) {
		table.Delete(i)
	}
	if table.Len() != 0 || len(table.slots) > minSlots {
		t.Errorf("%d objects in %d slots", table.Len(), len(table.slots))
	}
}

func BenchmarkGet(b *testing.B) {
	var table Table[*object]
	for i := range uint32(10000) {
		table.Put(&object{i * 2})
	}
	b.ReportAllocs()
	for i := range b.N {
		if table.Get(uint32(i)%10000*2) == nil {
			b.Fatal("lost")
		}
	}
}
