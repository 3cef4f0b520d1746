// A heading, a claim or a figure of exactly this name comes first; the other weights are the theme's.
var Scorer = {
  score: ([page, title, anchor, description, score]) => (anchor && score === 15 ? 100 : score),
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
