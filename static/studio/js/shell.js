// What every signed-in page has at its top: account menu, organization switch, sign-out.

import { chooseOrganization, get, organizationId } from "./api.js";
import { signOut } from "./session.js";
import { byId, disclose, h, icon } from "./dom.js";
import { balance } from "./balance.js";

export async function startShell() {
  disclose(byId("account-menu"), byId("account-panel"));
  byId("sign-out").addEventListener("click", async () => {
    await signOut();
    chooseOrganization(null);
    location.assign("/");
  });
  balance.attach(byId("balance"));
  const organizations = await get("/v1/organizations").then((page) => page.data).catch(leaveLost);
  showOrganizations(organizations);
  return current(organizations);
}

/** A membership that ended answers 404 to everything: go back to the personal organization. */
function leaveLost(error) {
  if (error.status === 404 && organizationId()) {
    chooseOrganization(null);
    location.reload();
  }
  return [];
}

function current(organizations) {
  return organizations.find(({ id }) => id === organizationId()) ?? organizations.find(({ isPersonal }) => isPersonal) ?? organizations[0] ?? null;
}

function showOrganizations(organizations) {
  if (organizations.length < 2) return;
  const chosen = current(organizations);
  byId("organizations").replaceChildren(
    h("p.menu-title", { id: "organizations-title" }, "Organization"),
    h("div", { role: "radiogroup", "aria-labelledby": "organizations-title" }, organizations.map((organization) => h("button.menu-item", {
      type: "button", role: "radio", "aria-checked": String(organization === chosen),
      // Every list on the page belongs to one organization: a fresh page is the honest switch.
      onclick: () => { chooseOrganization(organization.isPersonal ? null : organization.id); location.reload(); },
    }, icon(organization.isPersonal ? "user" : "building"), organization.name, organization === chosen ? icon("check") : null))));
}
