// What has the focus, and whether one sees that it has.
() => {
  const style = getComputedStyle(document.activeElement);
  const name = document.activeElement.className || document.activeElement.tagName;
  return [name, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
}
