// torch has one random generator and one thread count for the whole process (DESIGN §12, traps 3 and 7): tests that train side by
// side would draw from each other's numbers.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
