// Sphinx ranks pages that hold the words of a query by their titles. A log line that is pasted into the
// search finds the page about messages first, and the pages about the past last.
var Scorer = {
  score: ([page, , , , score]) =>
    score +
    ({ troubleshooting: 2, operations: 1, benchmarks: -1, changelog: -1, decisions: -1 }[page] || 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
