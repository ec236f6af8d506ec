// Bytes as they came over the wire, and the time until everything had been loaded.
() => {
  const page = performance.getEntriesByType("navigation")[0];
  const files = performance.getEntriesByType("resource").filter((one) => one.initiatorType !== "other");
  const bytes = [page, ...files].reduce((sum, one) => sum + (one.encodedBodySize || 0), 0);
  return { bytes, ms: page.loadEventEnd - page.startTime };
}
