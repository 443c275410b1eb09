package rest

// Statuses are shown to the tests that hold them against the contract.
var Statuses = statuses
