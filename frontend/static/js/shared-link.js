// What a page by a shared link does when it is refused: loaded anew, it says that the link is over. If it is not, the
// page goes on by asking.

export async function leave(otherwise) {
  const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (answer && !answer.ok) location.reload();
  else otherwise();
}
